title.innerHTML = name;
