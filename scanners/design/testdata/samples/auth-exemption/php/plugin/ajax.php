<?php
add_action('wp_ajax_save', 'save');
add_action('wp_ajax_nopriv_save', 'save');
