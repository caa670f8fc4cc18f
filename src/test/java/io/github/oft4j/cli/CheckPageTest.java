package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.oft4j.CheckReport;
import io.github.oft4j.CheckedLayer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Element;

class CheckPageTest {
  private static final String ROWS = "//table[@id='layers']/tbody/tr";
  private static final String NAMES = ROWS + "/th";

  /** Rows of the charts that are capped, by the heading of their section and their place there. */
  private static final List<String> CHART_ROWS =
      List.of(
          rows("Rotation angles", 3), rows("Hyperspherical energy", 1), rows("Orthogonality", 1));

  @Test
  void sectionsComeInTheOrderOfTheirQuestions() throws Exception {
    var page = page(CheckFixture.report(CheckFixture.layers(3)));
    assertEquals(List.of("Check of an OFT adapter"), page.texts("//h1"));
    assertEquals(
        List.of(
            "Summary",
            "Problems and warnings",
            "Matching",
            "Rotation angles",
            "Hyperspherical energy",
            "Orthogonality",
            "Layers"),
        page.texts("//section/h2"));
    assertEquals("oft check: adapter on base", page.text("//head/title"));
    assertEquals(List.of("adapter", "base", "PEFT 0.21.0"), page.texts("//dl[@class='facts']//dd"));
    assertEquals(
        List.of("3", "6", "11.57°", "4.32°", "1.0e-07", "0.0 %"),
        page.texts("//dl[@class='figures']//dd"));
    assertTrue(page.text("//p[@class='verdict good']").startsWith("OK: 3 layers fit, "));
    assertEquals(List.of("None."), page.texts("//section[h2='Problems and warnings']/p"));
  }

  @Test
  void everyTableHasACaptionAndEveryChartALabel() throws Exception {
    var page = page(CheckFixture.report(CheckFixture.layers(3)));
    assertEquals(2, page.all("//table").size());
    assertEquals(2, page.all("//table/caption[text()]").size());
    assertEquals(5, page.all("//*[local-name()='svg']").size());
    assertEquals(5, page.all("//figure[figcaption[text()]]//*[@role='img'][@aria-label]").size());
    assertEquals(11, page.all("//table[@id='layers']/thead//th[@scope='col']").size());
    assertEquals(3, page.all(NAMES + "[@scope='row']").size());
  }

  @Test
  void aFailedCheckListsWhatIsWrong() throws Exception {
    List<String> warnings = IntStream.range(0, 30).mapToObj(i -> "warning " + i).toList();
    var report =
        new CheckReport(
            "PEFT",
            CheckFixture.layers(1),
            List.of("lost.a", "lost.b"),
            List.of("odd.key"),
            List.of("head.weight"),
            List.of("two are lost"),
            warnings,
            "{}");
    var page = page(report);
    assertEquals("FAILED: 1 problem", page.text("//p[@class='verdict bad']"));
    assertEquals(List.of("1 problem", "30 warnings"), page.texts("//h3"));
    assertEquals(List.of("two are lost"), page.texts("//div[@class='problems']//li"));
    assertEquals(warnings, page.texts("//div[@class='warnings']//li"));
    assertEquals("… and 22 more", page.text("//details/summary"));
    assertEquals(
        List.of("1", "2", "1", "1"), page.texts("//table[@id='matching']//td[@class='number']"));
    assertEquals(
        List.of("lost.a", "lost.b", "odd.key", "head.weight"),
        page.texts("//table[@id='matching']//li"));
  }

  @Test
  void namesStayText() throws Exception {
    String name = "</title></script><script>alert('1')</script><img src=x onerror=\"a\">&amp;";
    CheckedLayer layer = CheckFixture.layer(name, 0.1);
    var report =
        new CheckReport(
            name,
            List.of(layer),
            List.of(name),
            List.of(name),
            List.of(name),
            List.of(name),
            List.of(name),
            "{}");
    String html = html(report, name);
    assertFalse(html.contains("<img"), html);
    assertEquals(2, html.split("<script>").length);
    var page = new PageDocument(html);
    assertEquals(List.of(name), page.texts(NAMES));
    assertEquals(List.of(name, name, name, name, name), page.texts("//li[not(../@class)]"));
    assertEquals(List.of(name, "base", name), page.texts("//dl[@class='facts']//dd"));
    assertEquals("oft check: " + name + " on base", page.text("//head/title"));
  }

  @Test
  void whatNoPageMayHoldIsReplaced() throws Exception {
    var page = page(CheckFixture.report(List.of(CheckFixture.layer("a\0b\u001b\ud800c", 0.1))));
    assertEquals(List.of("a\ufffdb\ufffd\ufffdc"), page.texts(NAMES));
  }

  @Test
  void anEmptyReportHasNoCharts() throws Exception {
    var page = page(CheckFixture.report(List.of()));
    assertEquals(List.of(), page.all("//figure"));
    assertEquals(List.of(), page.all("//table[@id='layers']"));
    assertEquals("None was measured.", page.text("//section[h2='Layers']/p"));
    assertTrue(page.text("//p[@class='verdict good']").startsWith("OK: 0 layers fit"));
  }

  @Test
  void aLayerWithoutBlocksIsShown() throws Exception {
    var page = page(CheckFixture.report(List.of(CheckFixture.layer("fc", 0, List.of(), 0.7, 0.7))));
    assertEquals(List.of("fc"), page.texts(NAMES));
    assertDrawable(page);
  }

  @Test
  void figuresThatAreNotFiniteAreNamedButNotDrawn() throws Exception {
    double nan = Double.NaN;
    double infinite = Double.POSITIVE_INFINITY;
    var page =
        page(
            CheckFixture.report(
                List.of(
                    CheckFixture.layer("good", 0.1),
                    CheckFixture.layer("nan", nan, List.of(0.1, nan), nan, nan),
                    CheckFixture.layer("infinite", infinite, List.of(infinite), 0.7, infinite))));
    assertDrawable(page);
    for (String rows : CHART_ROWS) {
      List<String> worst = page.texts(rows + "/*[@class='name']");
      assertEquals(List.of("nan", "infinite", "good"), worst);
    }
    assertEquals(List.of("NaN", "Infinity", "1.0e-07"), page.texts(CHART_ROWS.get(2) + FIGURE));
    assertEquals(
        "The largest angle of each of 3 blocks; without a finite one: 2",
        page.all("//figcaption").getFirst().getTextContent());
    assertTrue(page.text("//p[@class='verdict good']").contains("worst ‖RᵀR−I‖ NaN"));
  }

  @Test
  void anglesThatAreAllTheSameAreOneBar() throws Exception {
    for (double angle : new double[] {0, 1e-9, 0.3, Math.PI}) {
      var layer = CheckFixture.layer("fc", 0, List.of(angle, angle), 0, 0);
      var page = page(CheckFixture.report(List.of(layer)));
      assertDrawable(page);
      String bar = page.text("//*[@class='bars']/*");
      assertTrue(bar.endsWith(": 2 blocks"), bar);
    }
  }

  @Test
  void everyBlockIsInABar() throws Exception {
    var page = page(CheckFixture.report(CheckFixture.layers(300)));
    long blocks =
        page.texts("//*[@class='bars']/*").stream()
            .mapToLong(bar -> Long.parseLong(bar.replaceAll(".*: (\\d+) block.*", "$1")))
            .sum();
    assertEquals(600, blocks);
  }

  @Test
  void chartsOfManyLayersShowTheWorstAndSaySo() throws Exception {
    var page = page(CheckFixture.report(CheckFixture.layers(300)));
    assertDrawable(page);
    for (String rows : CHART_ROWS) {
      assertEquals(40, page.all(rows).size());
    }
    List<String> worst = page.texts(CHART_ROWS.getFirst() + "/*[@class='name']");
    assertEquals("model.layers.299.q_proj", worst.getFirst());
    assertEquals("model.layers.260.q_proj", worst.getLast());
    assertTrue(
        page.texts("//figcaption")
            .get(2)
            .startsWith("The 40 layers of 300 that turn most; the table below has all"));
    assertEquals(300, page.all(rows("Rotation angles", 2)).size());
    assertEquals(300, page.all(ROWS).size());
  }

  @Test
  void theTableIsInNaturalOrder() throws Exception {
    var layers =
        List.of(
            CheckFixture.layer("h.10.fc", 0.1),
            CheckFixture.layer("h.2.fc", 0.2),
            CheckFixture.layer("h.1.fc", 0.3));
    var page = page(CheckFixture.report(layers));
    assertEquals(List.of("h.1.fc", "h.2.fc", "h.10.fc"), page.texts(NAMES));
  }

  @Test
  void layersOfAPipelineNameTheirComponents() throws Exception {
    CheckedLayer layer = CheckFixture.layer("fc", 0.1);
    var layers = List.of(CheckFixture.in("unet", layer), CheckFixture.in("text_encoder", layer));
    var page = page(CheckFixture.report(layers));
    assertEquals(List.of("text_encoder/fc", "unet/fc"), page.texts(NAMES));
    for (String rows : CHART_ROWS) {
      List<String> names = page.texts(rows + "/*[@class='name']");
      assertEquals(List.of("text_encoder/fc", "unet/fc"), names);
    }
  }

  @Test
  void longNamesAreShortenedInChartsOnly() throws Exception {
    String name = "a".repeat(60) + "." + "b".repeat(60);
    var page = page(CheckFixture.report(List.of(CheckFixture.layer(name, 0.1))));
    assertEquals(
        "a".repeat(31) + "…" + "b".repeat(31),
        page.text(CHART_ROWS.getFirst() + "/*[@class='name']"));
    assertTrue(page.text(CHART_ROWS.getFirst() + "/*[local-name()='title']").startsWith(name));
    assertEquals(List.of(name), page.texts(NAMES));
  }

  @Test
  void nothingIsLoadedAndOnlyItsOwnScriptRuns() throws Exception {
    String html = html(CheckFixture.report(CheckFixture.layers(3)), "adapter");
    assertFalse(html.matches("(?s).*(https?:|\\ssrc=|\\shref=|url\\(|@import|\\sstyle=).*"), html);
    String policy =
        new PageDocument(html)
            .one("//meta[@http-equiv='Content-Security-Policy']")
            .getAttribute("content");
    assertTrue(policy.startsWith("default-src 'none'"), policy);
    assertTrue(policy.contains("style-src '" + hash(html, "style") + "'"), policy);
    assertTrue(policy.contains("script-src '" + hash(html, "script") + "'"), policy);
  }

  @Test
  void numbersDoNotDependOnTheLocale() throws Exception {
    Locale before = Locale.getDefault();
    String html = html(CheckFixture.report(CheckFixture.layers(50)), "adapter");
    Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
    try {
      assertEquals(html, html(CheckFixture.report(CheckFixture.layers(50)), "adapter"));
    } finally {
      Locale.setDefault(before);
    }
  }

  private static final String FIGURE = "/*[local-name()='text'][not(@class)]";

  private static String rows(String section, int figure) {
    return "//section[h2='%s']/figure[%d]//*[@class='layer']".formatted(section, figure);
  }

  /** Whether all numbers of all drawings are such. */
  private static void assertDrawable(PageDocument page) throws Exception {
    for (String attribute :
        List.of("x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "width", "height")) {
      for (Element element : page.all("//*[ancestor::*[local-name()='svg']][@" + attribute + "]")) {
        String value = element.getAttribute(attribute);
        assertTrue(value.matches("-?\\d+\\.\\d"), value);
      }
    }
  }

  private static PageDocument page(CheckReport report) throws Exception {
    return new PageDocument(html(report, "adapter"));
  }

  private static String html(CheckReport report, String adapter) {
    return new String(
        CheckPage.html(report, Path.of("base"), Path.of(adapter)), StandardCharsets.UTF_8);
  }

  private static String hash(String html, String element) throws Exception {
    Matcher content = Pattern.compile("(?s)<%1$s>(.*?)</%1$s>".formatted(element)).matcher(html);
    assertTrue(content.find(), element);
    byte[] digest =
        MessageDigest.getInstance("SHA-256")
            .digest(content.group(1).getBytes(StandardCharsets.UTF_8));
    return "sha256-" + Base64.getEncoder().encodeToString(digest);
  }
}
