"""Reading ilastik's Object Classification projects; nothing is unpickled."""
