"""How good generated images are: features of a frozen network; distance, coverage and originality measured in them."""
