s = "é😀"; h = hashlib.md5(s)
