"""Run the program as `python -m vuemantics_tui`."""

from vuemantics_tui.cli import main

if __name__ == "__main__":
    main()
