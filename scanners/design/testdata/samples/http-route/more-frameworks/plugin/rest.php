<?php
add_action('rest_api_init', function () {
    register_rest_route('shop/v1', '/orders/(?P<id>\d+)', [
        'methods' => WP_REST_Server::READABLE,
        'callback' => 'shop_order',
        'permission_callback' => '__return_true',
    ]);
});
