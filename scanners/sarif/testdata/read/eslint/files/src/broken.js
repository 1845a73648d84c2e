let let
