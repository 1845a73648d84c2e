import tornado.web

handlers = [(r"/lab/api/settings/(.*)", SettingsHandler)]
