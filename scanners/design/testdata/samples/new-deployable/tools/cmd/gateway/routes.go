package main

func routes() {}
