module github.com/onerefresh/onerefresh/web/npm/size

go 1.26

require github.com/andybalholm/brotli v1.2.8
