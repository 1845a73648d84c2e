def run(session, query):
    return session.exec(query)
