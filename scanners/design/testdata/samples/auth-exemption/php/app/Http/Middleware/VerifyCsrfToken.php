<?php
class VerifyCsrfToken extends Middleware
{
    protected $except = [
        'stripe/*',
        '/webhooks/github',
    ];
}
