"""Styles: a network and the card that says what it is and where it may be used."""
