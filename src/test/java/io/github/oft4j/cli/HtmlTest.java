package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class HtmlTest {
  @Test
  void textAndAttributesAreEscaped() {
    assertEquals(
        "<a title=\"&lt;&quot;&#39;&amp;&gt;\">&lt;b&gt; &amp;amp; &quot;</a>",
        Html.of("a", "<b> &amp; \"").attribute("title", "<\"'&>").toString());
  }

  @Test
  void childrenStandAmongText() {
    assertEquals(
        "<b>one<i class=\"x y\">two</i>three</b>",
        Html.of("b", "one").add(Html.of("i", "two").style("x y")).text("three").toString());
  }

  @Test
  void someElementsHaveNoEnd() {
    assertEquals("<wbr>", Html.of("wbr").toString());
    assertEquals("<p></p>\n", Html.of("p").toString());
  }

  @Test
  void codeIsLeftAsItIs() {
    assertEquals("<script>a < b && c</script>", Html.verbatim("script", "a < b && c").toString());
  }

  @Test
  void charactersBeyondTheFirstPlaneAreKept() {
    assertEquals("<b>\t😀\ufffd</b>", Html.of("b", "\t😀\u0007").toString());
  }
}
