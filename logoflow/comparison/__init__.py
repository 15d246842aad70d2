"""Two runs side by side: what is told of them, and a page that shows it."""
