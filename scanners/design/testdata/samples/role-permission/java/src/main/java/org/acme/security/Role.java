package org.acme.security;

public enum Role {
    USER("ROLE_USER"), AUDITOR("ROLE_AUDITOR");

    private final String authority;
}
