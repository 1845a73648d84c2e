@public_router.get("/oauth")
def oauth():
    return None
