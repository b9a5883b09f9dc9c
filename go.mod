module github.com/onerefresh/onerefresh

go 1.26
