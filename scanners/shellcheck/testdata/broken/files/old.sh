#!/bin/sh
if [ "$1" = x ; then
	echo no
fi
