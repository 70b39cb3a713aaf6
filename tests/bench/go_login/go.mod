module go_login

go 1.21
