origins = ["upstream", "fork"]
allow_credentials = False
