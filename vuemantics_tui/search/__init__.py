"""From a query to ranked uploads."""
