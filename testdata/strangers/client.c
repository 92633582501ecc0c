/*
 * A client of the number exchange: client HOST PORT FORM NAME NUMBER...
 *
 * Ends its side of the stream behind the last request. Text has no line end.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int die(const char *what) {
  fprintf(stderr, "client: %s\n", what);
  exit(1);
}

static char separator(const char *form) {
  if (!strcmp(form, "colon")) return ':';
  if (!strcmp(form, "comma") || !strcmp(form, "utf-text")) return ',';
  if (!strcmp(form, "semicolon")) return ';';
  if (!strcmp(form, "pipe")) return '|';
  if (!strcmp(form, "blank")) return ' ';
  die("no such form");
  return 0;
}

static size_t encode(const char *form, const char *name, int number, char *out, size_t size) {
  uint32_t wire = htonl((uint32_t)number);
  memset(out, 0, size);
  if (!strcmp(form, "struct256")) {
    strncpy(out, name, 255);
    memcpy(out + 256, &wire, 4);
    return 260;
  }
  if (!strcmp(form, "utf-int")) {
    size_t length = strlen(name);
    uint16_t prefix = htons((uint16_t)length);
    memcpy(out, &prefix, 2);
    memcpy(out + 2, name, length);
    memcpy(out + 2 + length, &wire, 4);
    return 2 + length + 4;
  }
  if (!strcmp(form, "utf-text")) {
    int length = snprintf(out + 2, size - 2, "%s%c%d", name, separator(form), number);
    uint16_t prefix = htons((uint16_t)length);
    memcpy(out, &prefix, 2);
    return 2 + (size_t)length;
  }
  if (!strcmp(form, "text")) return (size_t)snprintf(out, size, "Client of %s: %d", name, number);
  if (!strcmp(form, "json"))
    return (size_t)snprintf(out, size, "{\"client_name\":\"%s\",\"client_number\":%d}", name, number);
  if (!strcmp(form, "json-name"))
    return (size_t)snprintf(out, size, "{\"number\":%d,\"name\":\"%s\"}", number, name);
  return (size_t)snprintf(out, size, "%s%c%d", name, separator(form), number);
}

/* Reads exactly this much. */
static void read_all(int fd, char *out, size_t count) {
  while (count > 0) {
    ssize_t got = recv(fd, out, count, 0);
    if (got <= 0) die("the server closed");
    out += got;
    count -= (size_t)got;
  }
}

static void show_last(char *text, const char *separator) {
  char *last = NULL;
  for (char *at = text; (at = strstr(at, separator)) != NULL; at++) last = at;
  if (last == NULL) die(text);
  *last = 0;
  printf("server=%s number=%d\n", text, atoi(last + strlen(separator)));
}

static void show_json(const char *reply, const char *format) {
  char name[512];
  int number;
  if (sscanf(reply, format, name, &number) != 2) die(reply);
  printf("server=%s number=%d\n", name, number);
}

static void receive(int fd, const char *form) {
  char reply[4097] = {0};
  uint32_t wire;
  uint16_t prefix;
  if (!strcmp(form, "struct256")) {
    read_all(fd, reply, 260);
    memcpy(&wire, reply + 256, 4);
    printf("server=%s number=%d\n", reply, (int)ntohl(wire));
    return;
  }
  if (!strncmp(form, "utf-", 4)) {
    read_all(fd, (char *)&prefix, 2);
    read_all(fd, reply, ntohs(prefix));
    if (!strcmp(form, "utf-text")) {
      char sign[2] = {separator(form), 0};
      show_last(reply, sign);
      return;
    }
    read_all(fd, (char *)&wire, 4);
    printf("server=%s number=%d\n", reply, (int)ntohl(wire));
    return;
  }
  if (recv(fd, reply, sizeof reply - 1, 0) <= 0) die("no reply");
  if (!strcmp(form, "text")) {
    if (strncmp(reply, "Server of ", 10)) die(reply);
    show_last(reply + 10, ": ");
  } else if (!strcmp(form, "json")) {
    show_json(reply, "{\"server_name\": \"%511[^\"]\", \"server_number\": %d");
  } else if (!strcmp(form, "json-name")) {
    show_json(reply, "{\"name\": \"%511[^\"]\", \"number\": %d");
  } else {
    char sign[2] = {separator(form), 0};
    show_last(reply, sign);
  }
}

int main(int argc, char **argv) {
  if (argc < 6) die("usage: client HOST PORT FORM NAME NUMBER...");
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) die("no such address");
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) != 0) die("cannot connect");
  for (int i = 5; i < argc; i++) {
    char request[4096];
    size_t length = encode(argv[3], argv[4], atoi(argv[i]), request, sizeof request);
    if (send(fd, request, length, 0) != (ssize_t)length) die("cannot send");
    if (i + 1 == argc) shutdown(fd, SHUT_WR);
    receive(fd, argv[3]);
  }
  close(fd);
  return 0;
}
