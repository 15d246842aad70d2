"""Find text in images with CRAFT: network, published weights, boxes and the score that decides what is a text logo."""
