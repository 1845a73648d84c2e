<?php

use Illuminate\Support\Facades\Route;

Route::prefix('v1')->middleware('auth')->group(function () {
    Route::get('/bills', [BillController::class, 'index']);
    Route::apiResource('users', UserController::class);
});
Route::middleware('throttle:6')->post('/login', LoginController::class);
