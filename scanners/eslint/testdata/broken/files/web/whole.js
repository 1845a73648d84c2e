eval(name);
