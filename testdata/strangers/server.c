/*
 * A server of the number exchange: server FORM NAME NUMBER
 *
 * Takes what one recv brings for the request, answers, and closes. Prints its port, and each
 * client's name and number.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int die(const char *what) {
  fprintf(stderr, "server: %s\n", what);
  exit(1);
}

static void got(const char *name, int number) {
  printf("client=%s number=%d\n", name, number);
  fflush(stdout);
}

static void got_last(char *text, char separator) {
  char *last = strrchr(text, separator);
  if (last == NULL) die(text);
  *last = 0;
  got(text, atoi(last + 1));
}

static size_t separated(char *request, char separator, const char *own, int number, char *out) {
  got_last(request, separator);
  return (size_t)sprintf(out, "%s%c%d\n", own, separator, number);
}

/* Shows the request and writes the reply. */
static size_t answer(const char *form, char *request, const char *own, int number, char *out) {
  uint32_t wire = htonl((uint32_t)number), theirs;
  uint16_t prefix;
  char name[512] = {0};
  if (!strcmp(form, "struct256")) {
    memcpy(&theirs, request + 256, 4);
    got(request, (int)ntohl(theirs));
    memset(out, 0, 260);
    strncpy(out, own, 255);
    memcpy(out + 256, &wire, 4);
    return 260;
  }
  if (!strcmp(form, "utf-int")) {
    memcpy(&prefix, request, 2);
    memcpy(name, request + 2, ntohs(prefix));
    memcpy(&theirs, request + 2 + ntohs(prefix), 4);
    got(name, (int)ntohl(theirs));
    prefix = htons((uint16_t)strlen(own));
    memcpy(out, &prefix, 2);
    memcpy(out + 2, own, strlen(own));
    memcpy(out + 2 + strlen(own), &wire, 4);
    return 2 + strlen(own) + 4;
  }
  if (!strcmp(form, "utf-text")) {
    got_last(request + 2, ';');
    prefix = htons((uint16_t)sprintf(out + 2, "%s;%d", own, number));
    memcpy(out, &prefix, 2);
    return 2 + ntohs(prefix);
  }
  if (!strcmp(form, "text")) {
    got_last(request + strlen("Client of "), ':');
    return (size_t)sprintf(out, "Server of %s: %d", own, number);
  }
  int client;
  if (!strcmp(form, "json")) {
    const char *format = "{\"client_name\": \"%511[^\"]\", \"client_number\": %d";
    if (sscanf(request, format, name, &client) != 2) die(request);
    got(name, client);
    return (size_t)sprintf(out, "{\"server_number\":%d,\"server_name\":\"%s\"}", number, own);
  }
  if (!strcmp(form, "json-name")) {
    if (sscanf(request, "{\"name\": \"%511[^\"]\", \"number\": %d", name, &client) != 2) die(request);
    got(name, client);
    return (size_t)sprintf(out, "{\"number\":%d,\"name\":\"%s\"}", number, own);
  }
  if (!strcmp(form, "colon")) return separated(request, ':', own, number, out);
  if (!strcmp(form, "comma")) return separated(request, ',', own, number, out);
  if (!strcmp(form, "semicolon")) return separated(request, ';', own, number, out);
  if (!strcmp(form, "pipe")) return separated(request, '|', own, number, out);
  if (!strcmp(form, "blank")) return separated(request, ' ', own, number, out);
  die("no such form");
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) die("usage: server FORM NAME NUMBER");
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof own;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&own, size) != 0) die("cannot bind");
  if (listen(listener, 5) != 0) die("cannot listen");
  getsockname(listener, (struct sockaddr *)&own, &size);
  printf("port=%d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    char request[4097] = {0}, reply[4096];
    if (recv(fd, request, sizeof request - 1, 0) > 0) {
      size_t length = answer(argv[1], request, argv[2], atoi(argv[3]), reply);
      if (send(fd, reply, length, 0) < 0) die("cannot send");
    }
    close(fd);
  }
}
