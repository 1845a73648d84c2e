const { = 1
