const { = 1;
