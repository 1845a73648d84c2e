ls
rm x
