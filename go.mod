module calotype

go 1.26.0
