package org.acme;

public class ApiConfig {
    SecurityFilterChain chain(HttpSecurity http) throws Exception {
        return http.formLogin(AbstractHttpConfigurer::disable)
            .httpBasic(b -> b.disable())
            .build();
    }
}
