text = "use hmac.compare_digest(a, b)"
