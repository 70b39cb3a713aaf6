// goparse docker|compose|godotenv FILE: what these programs read from a file of variables, as one JSON object.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	compose "github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/joho/godotenv"
)

func main() {
	variables, err := read(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(variables); err != nil {
		panic(err)
	}
}

func read(consumer, file string) (map[string]string, error) {
	switch consumer {
	case "docker":
		return docker(file)
	case "compose":
		return compose.GetEnvFromFile(map[string]string{}, []string{file})
	case "godotenv":
		return godotenv.Read(file)
	}
	return nil, fmt.Errorf("no such consumer: %s", consumer)
}

// docker reads a file as `docker run --env-file` does; a line without "=" would be taken from the environment.
func docker(file string) (map[string]string, error) {
	lines, err := kvfile.Parse(file, os.LookupEnv)
	variables := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		variables[name] = value
	}
	return variables, err
}
