<?php
class OrderTest extends TestCase
{
    public function test_guests_are_refused(): void
    {
        $this->getJson('/api/orders')->assertUnauthorized();
    }
}
