"""The main screen: the uploads of a library as a table or a gallery, and what can be done to them."""
