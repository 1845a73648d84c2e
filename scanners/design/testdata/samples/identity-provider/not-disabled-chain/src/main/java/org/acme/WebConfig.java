package org.acme;

class WebConfig {
    void configure(HttpSecurity http) throws Exception {
        http.csrf()
            .and()
            .httpBasic().disable();
    }
}
