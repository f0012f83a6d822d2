"""How a worker is started and reached: here, over ssh, in an emulator."""
