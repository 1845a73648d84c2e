<?php

namespace App\Controller;

use Symfony\Component\Routing\Attribute\Route;

#[Route('/blog')]
final class BlogController
{
    #[Route('/{slug}', name: 'post', methods: ['GET', 'POST'])]
    public function post(): Response {}
}
