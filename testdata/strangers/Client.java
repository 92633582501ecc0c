import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A client of the number exchange: Client HOST PORT FORM NAME NUMBER...
 *
 * Text is sent and read by lines, UTF strings with writeUTF and readUTF, a number after its name in
 * a write of its own.
 */
public class Client {
    public static void main(String[] args) throws IOException {
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        String form = args[2];
        String name = args[3];
        try (Socket socket = new Socket(args[0], Integer.parseInt(args[1]))) {
            DataOutputStream data = new DataOutputStream(socket.getOutputStream());
            PrintWriter writer = new PrintWriter(
                new OutputStreamWriter(socket.getOutputStream(), StandardCharsets.UTF_8), true);
            DataInputStream input = new DataInputStream(socket.getInputStream());
            BufferedReader reader = new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
            for (String number : Arrays.copyOfRange(args, 4, args.length)) {
                String[] reply;
                switch (form) {
                    case "utf-int":
                        data.writeUTF(name);
                        data.writeInt(Integer.parseInt(number));
                        reply = new String[] {input.readUTF(), "" + input.readInt()};
                        break;
                    case "utf-text":
                        data.writeUTF(name + ";" + number);
                        reply = last(input.readUTF(), ";");
                        break;
                    case "struct256":
                        data.write(Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), 256));
                        data.writeInt(Integer.parseInt(number));
                        String padded = new String(input.readNBytes(256), StandardCharsets.UTF_8);
                        reply = new String[] {padded.replace("\0", ""), "" + input.readInt()};
                        break;
                    default:
                        writer.println(line(form, name, number));
                        reply = parse(form, reader.readLine());
                }
                out.println("server=" + reply[0] + " number=" + reply[1]);
            }
        }
    }

    private static String line(String form, String name, String number) {
        switch (form) {
            case "text":
                return "Client of " + name + ": " + number;
            case "json":
                return "{\"client_name\":\"" + name + "\",\"client_number\":" + number + "}";
            case "json-name":
                return "{\"name\":\"" + name + "\",\"number\":" + number + "}";
            default:
                return name + separator(form) + number;
        }
    }

    private static String[] parse(String form, String line) {
        switch (form) {
            case "text":
                return last(line.substring("Server of ".length()), ": ");
            case "json":
                return new String[] {string(line, "server_name"), integer(line, "server_number")};
            case "json-name":
                return new String[] {string(line, "name"), integer(line, "number")};
            default:
                return last(line, separator(form));
        }
    }

    private static String[] last(String text, String separator) {
        int at = text.lastIndexOf(separator);
        String number = text.substring(at + separator.length());
        return new String[] {text.substring(0, at), "" + Integer.parseInt(number)};
    }

    private static String separator(String form) {
        switch (form) {
            case "colon":
                return ":";
            case "comma":
                return ",";
            case "semicolon":
                return ";";
            case "pipe":
                return "|";
            case "blank":
                return " ";
            default:
                throw new IllegalArgumentException("no such form: " + form);
        }
    }

    private static String string(String json, String key) {
        return find(json, "\"" + key + "\"\\s*:\\s*\"([^\"]*)\"");
    }

    private static String integer(String json, String key) {
        return find(json, "\"" + key + "\"\\s*:\\s*(-?[0-9]+)");
    }

    private static String find(String json, String pattern) {
        Matcher matcher = Pattern.compile(pattern).matcher(json);
        if (!matcher.find()) {
            throw new IllegalArgumentException(json);
        }
        return matcher.group(1);
    }
}
