dependencies {
    implementation("io.jsonwebtoken:jjwt-api:0.12.6")
    testImplementation("org.keycloak:keycloak-core:26.0.0")
}
