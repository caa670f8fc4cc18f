package io.github.oft4j.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** An element of a page, of HTML or SVG. Whatever its text and attributes hold is shown as text. */
final class Html {
  private static final Set<String> WITHOUT_END = Set.of("meta", "wbr");

  /** Those that end a line of the file; white space around any other may show. */
  private static final Set<String> LINES =
      Set.of(
          "body", "dl", "figure", "g", "h1", "h2", "head", "header", "li", "meta", "p", "section",
          "svg", "table", "tr", "ul");

  private final String name;
  private final StringBuilder attributes = new StringBuilder();
  private final List<Object> content = new ArrayList<>(); // Html, or text as it will be written

  private Html(String name) {
    this.name = name;
  }

  static Html of(String name) {
    return new Html(name);
  }

  /** An element with text. */
  static Html of(String name, String text) {
    return of(name).text(text);
  }

  /** A style or script as it is; it must not hold its own end tag. */
  static Html verbatim(String name, String code) {
    Html element = of(name);
    element.content.add(code);
    return element;
  }

  Html attribute(String key, Object value) {
    attributes.append(' ').append(key).append("=\"").append(escaped(value.toString())).append('"');
    return this;
  }

  Html style(String classes) {
    return attribute("class", classes);
  }

  Html text(String text) {
    content.add(escaped(text));
    return this;
  }

  Html add(Html... children) {
    return add(List.of(children));
  }

  Html add(List<Html> children) {
    content.addAll(children);
    return this;
  }

  @Override
  public String toString() {
    var text = new StringBuilder();
    write(text);
    return text.toString();
  }

  private void write(StringBuilder text) {
    text.append('<').append(name).append(attributes).append('>');
    for (Object part : content) {
      if (part instanceof Html child) {
        child.write(text);
      } else {
        text.append(part);
      }
    }
    if (!WITHOUT_END.contains(name)) {
      text.append("</").append(name).append('>');
    }
    if (LINES.contains(name)) {
      text.append('\n');
    }
  }

  private static String escaped(String text) {
    var escaped = new StringBuilder(text.length());
    text.codePoints()
        .forEach(
            point -> {
              switch (point) {
                case '&' -> escaped.append("&amp;");
                case '<' -> escaped.append("&lt;");
                case '>' -> escaped.append("&gt;");
                case '"' -> escaped.append("&quot;");
                case '\'' -> escaped.append("&#39;");
                default -> escaped.appendCodePoint(isText(point) ? point : 0xFFFD);
              }
            });
    return escaped.toString();
  }

  /** No page may hold the others, not even escaped. */
  private static boolean isText(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL -> point == '\t' || point == '\n' || point == '\r';
      case Character.SURROGATE -> false;
      default -> true;
    };
  }
}
