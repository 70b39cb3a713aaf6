// go_login is a contender of the benchmark: the login with Go's standard library, linked into one static file.
// Prints the name of the service account.
//
// usage: go_login SERVER_URL API_KEY_FILE
//
// SPDX-License-Identifier: Apache-2.0
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

var client = http.Client{
	Timeout:       30 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// ask sends a request, with the token if there is one, and fills `into` from the JSON of a good reply.
func ask(method, address, form, token string, into any) error {
	request, err := http.NewRequest(method, address, strings.NewReader(form))
	if err != nil {
		return err
	}
	if form != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		return errors.New(reply.Status)
	}
	return json.NewDecoder(reply.Body).Decode(into)
}

// login returns the name of the service account that the key belongs to.
func login(server, key string) (string, error) {
	var token struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	var account struct {
		Name string
		Body struct {
			Active           bool
			IsServiceAccount bool `json:"is_service_account"`
		}
	}
	form := url.Values{"password": {key}}.Encode()
	if err := ask("POST", server+"/api/v1/login", form, "", &token); err != nil {
		return "", err
	}
	if token.TokenType != "bearer" {
		return "", errors.New("no bearer token")
	}
	if err := ask("GET", server+"/api/v1/current-user", "", token.AccessToken, &account); err != nil {
		return "", err
	}
	if !account.Body.Active || !account.Body.IsServiceAccount {
		return "", errors.New("not an active service account")
	}
	return account.Name, nil
}

func main() {
	key, err := os.ReadFile(os.Args[2])
	if err == nil {
		var name string
		if name, err = login(os.Args[1], strings.TrimSpace(string(key))); err == nil {
			fmt.Println(name)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "go_login:", err)
	os.Exit(1)
}
