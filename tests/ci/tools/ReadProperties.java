import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

/**
 * java ReadProperties.java stream|reader FILE...: what java.util.Properties loads from each file, as one JSON object a
 * line; null where it refuses the file. "stream" leaves the encoding to it, "reader" says that it is UTF-8.
 */
public class ReadProperties {
    public static void main(String[] args) throws IOException {
        for (String file : Arrays.copyOfRange(args, 1, args.length))
            System.out.println(read(args[0].equals("reader"), file));
    }

    private static String read(boolean asReader, String file) throws IOException {
        Properties properties = new Properties();
        try (InputStream in = new FileInputStream(file)) {
            if (asReader)
                properties.load(new InputStreamReader(in, StandardCharsets.UTF_8));
            else
                properties.load(in);
        } catch (IllegalArgumentException malformedEscape) {
            return "null";
        }
        StringJoiner members = new StringJoiner(",", "{", "}");
        properties.forEach((name, value) -> members.add(quote((String) name) + ":" + quote((String) value)));
        return members.toString();
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray())
            quoted.append(c > 0x1f && c < 0x7f && c != '"' && c != '\\' ? "" + c : String.format("\\u%04x", (int) c));
        return quoted.append('"').toString();
    }
}
