import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A server of the number exchange: Server FORM NAME NUMBER
 *
 * Answers every request of a connection until its client ends it. A line of text is answered by a
 * line.
 */
public class Server {
    private final String form;
    private final String name;
    private final int number;
    private final PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private Server(String form, String name, int number) {
        this.form = form;
        this.name = name;
        this.number = number;
    }

    public static void main(String[] args) throws IOException {
        Server server = new Server(args[0], args[1], Integer.parseInt(args[2]));
        try (ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            server.out.println("port=" + listener.getLocalPort());
            while (true) {
                try (Socket socket = listener.accept()) {
                    server.serve(socket);
                } catch (EOFException end) {
                    // The client has gone.
                }
            }
        }
    }

    private void serve(Socket socket) throws IOException {
        DataInputStream input = new DataInputStream(socket.getInputStream());
        DataOutputStream data = new DataOutputStream(socket.getOutputStream());
        switch (form) {
            case "utf-int":
                while (true) {
                    got(input.readUTF(), input.readInt());
                    data.writeUTF(name);
                    data.writeInt(number);
                }
            case "utf-text":
                while (true) {
                    got(input.readUTF(), ";");
                    data.writeUTF(name + ";" + number);
                }
            case "struct256":
                while (true) {
                    byte[] padded = new byte[256];
                    input.readFully(padded);
                    String client = new String(padded, StandardCharsets.UTF_8);
                    got(client.replace("\0", ""), input.readInt());
                    data.write(Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), 256));
                    data.writeInt(number);
                }
            default:
                serveLines(socket);
        }
    }

    private void serveLines(Socket socket) throws IOException {
        BufferedReader reader = new BufferedReader(
            new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
        BufferedWriter writer = new BufferedWriter(
            new OutputStreamWriter(socket.getOutputStream(), StandardCharsets.UTF_8));
        String line;
        while ((line = reader.readLine()) != null) {
            writer.write(answer(line));
            writer.newLine();
            writer.flush();
        }
    }

    private String answer(String line) {
        switch (form) {
            case "text":
                got(line.substring("Client of ".length()), ": ");
                return "Server of " + name + ": " + number;
            case "json":
                got(find(line, "\"client_name\": *\"(.*?)\""), integer(line, "client_number"));
                return "{\"server_name\":\"" + name + "\",\"server_number\":" + number + "}";
            case "json-name":
                got(find(line, "\"name\": *\"(.*?)\""), integer(line, "number"));
                return "{\"name\":\"" + name + "\",\"number\":" + number + "}";
            case "colon":
                return separated(line, ":");
            case "comma":
                return separated(line, ",");
            case "semicolon":
                return separated(line, ";");
            case "pipe":
                return separated(line, "|");
            case "blank":
                return separated(line, " ");
            default:
                throw new IllegalArgumentException("no such form: " + form);
        }
    }

    private String separated(String line, String separator) {
        got(line, separator);
        return name + separator + number;
    }

    private void got(String text, String separator) {
        int at = text.lastIndexOf(separator);
        String client = text.substring(at + separator.length());
        got(text.substring(0, at), Integer.parseInt(client));
    }

    private void got(String client, int clientNumber) {
        out.println("client=" + client + " number=" + clientNumber);
    }

    private static int integer(String json, String key) {
        return Integer.parseInt(find(json, "\"" + key + "\": *(-?[0-9]+)"));
    }

    private static String find(String json, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(json);
        if (!matcher.find()) {
            throw new IllegalArgumentException(json);
        }
        return matcher.group(1);
    }
}
