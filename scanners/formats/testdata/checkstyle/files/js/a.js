eval(x)
x < é
