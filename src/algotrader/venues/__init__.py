"""What a venue is to the rest of the program, and one folder for each venue."""
