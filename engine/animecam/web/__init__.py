"""`animecam serve`: a page whose camera goes to the engine by WebRTC and comes back drawn."""
