package org.acme

import io.jsonwebtoken.Jwts

class Tokens(private val key: SecretKey) {
    fun read(raw: String) = Jwts.parser().verifyWith(key).build().parseSignedClaims(raw)
}
