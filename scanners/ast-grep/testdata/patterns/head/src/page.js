element.innerHTML = comment;
