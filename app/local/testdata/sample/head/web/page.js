"use strict";
title.innerHTML = name;
comment.innerHTML = text;
