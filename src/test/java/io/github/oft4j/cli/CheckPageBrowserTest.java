package io.github.oft4j.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.oft4j.CheckReport;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The page as a browser sees it; skipped where there is none. */
class CheckPageBrowserTest {
  private static final String ROWS = "//table[@id='layers']/tbody/tr";
  private static final String HOSTILE = "</script><script>document.body.remove()</script>";
  private static final int WIDTH = 1200;
  private static final int HEIGHT = 1600;
  private static final Color FIRST_LIGHT = new Color(0x1f5fa8);
  private static final Color FIRST_DARK = new Color(0x6cb0f5);

  @TempDir static Path folder;

  private static Chromium browser;

  @BeforeAll
  static void findBrowser() throws Exception {
    Optional<Chromium> found = Chromium.find(folder);
    assumeTrue(found.isPresent(), "no Chromium (Debian: chromium)");
    browser = found.get();
  }

  @Test
  void aRealCheckIsShown() throws Exception {
    Path page = folder.resolve("check.html");
    CliRun.of("check", "examples/digits/base", "examples/digits/adapter", "--html", page)
        .expect(ExitCode.DONE);
    var shown = new PageDocument(browser.load(page));
    assertEquals(List.of("fc1", "fc2"), shown.texts(ROWS + "/th"));
    assertEquals(5, shown.all("//figure//*[local-name()='svg'][@role='img']").size());
    assertEquals("2 of 2", shown.text("//*[@class='filter']/output"));
    assertEquals(11, shown.all("//table[@id='layers']/thead//button").size());
  }

  @Test
  void hostileNamesAndMissingFiguresDoNoHarm() throws Exception {
    var report =
        CheckFixture.report(
            List.of(
                CheckFixture.layer(HOSTILE, 0.1),
                CheckFixture.layer("nan", Double.NaN, List.of(Double.NaN), 0.7, Double.NaN)),
            List.of(HOSTILE),
            List.of("<img src=x onerror=alert(1)>"));
    var shown = new PageDocument(browser.load(write(report)));
    assertEquals(List.of(HOSTILE, "nan"), shown.texts(ROWS + "/th"));
    assertEquals(List.of(HOSTILE), shown.texts("//div[@class='problems']//li"));
  }

  @Test
  void anEmptyReportIsShown() throws Exception {
    var shown = new PageDocument(browser.load(write(CheckFixture.report(List.of()))));
    assertEquals("None was measured.", shown.text("//section[h2='Layers']/p"));
  }

  @Test
  void aClickSortsTheTableByNumbersFromTheLargest() throws Exception {
    var page = driven("sort(6)", "sort(6)", "sort(0)", "sort(0)", "sort(5)");
    assertEquals(
        List.of("nan c.10 c.9 b", "b c.9 c.10 nan", "b c.9 c.10 nan", "nan c.10 c.9 b"),
        page.texts("//*[@class='step']").subList(0, 4));
    assertEquals(
        List.of("‖RᵀR−I‖"), page.texts("//table[@id='layers']//th[@aria-sort='descending']"));
    assertEquals(1, page.all("//@aria-sort/..").size());
  }

  @Test
  void wordsFilterTheTable() throws Exception {
    var page = driven("filter('C. LINEAR')", "filter('none')", "filter(' ')", "filter('9 c')");
    assertEquals(
        List.of("c.9 c.10", "", "b c.9 c.10 nan", "c.9"), page.texts("//*[@class='step']"));
    assertEquals("1 of 4", page.text("//*[@class='filter']/output"));
  }

  @ParameterizedTest
  @EnumSource
  void thePictureIsLightOrDarkAsTheReaderLikes(Chromium.Scheme scheme) throws Exception {
    Path page = write(CheckFixture.report(CheckFixture.layers(50)));
    BufferedImage picture = browser.picture(page, scheme, WIDTH, HEIGHT);
    assertEquals(WIDTH, picture.getWidth());
    assertEquals(HEIGHT, picture.getHeight());
    boolean isDark = scheme == Chromium.Scheme.DARK;
    var corner = new Color(picture.getRGB(1, 1));
    assertEquals(isDark, corner.getGreen() < 128, corner::toString);
    long drawn = pixels(picture, isDark ? FIRST_DARK : FIRST_LIGHT);
    assertTrue(drawn > 10_000, () -> "only " + drawn + " pixels of bars and dots");
  }

  /** A page whose table a script has used; it notes which layers are shown after each step. */
  private static PageDocument driven(String... steps) throws Exception {
    var report =
        CheckFixture.report(
            List.of(
                CheckFixture.layer("b", 0.1),
                CheckFixture.layer("c.9", 0.2),
                CheckFixture.layer("c.10", 0.3),
                CheckFixture.layer("nan", 0, List.of(Double.NaN), 0.7, 0.7)));
    var driver =
        new StringBuilder(
            """
            <script>
            const sort = i => document.querySelectorAll('#layers thead button')[i].click();
            const filter = words => {
              const input = document.querySelector('.filter input');
              input.value = words;
              input.dispatchEvent(new Event('input'));
            };
            const note = () => {
              const shown = document.querySelectorAll('#layers tbody tr:not([hidden]) th');
              const step = document.createElement('p');
              step.className = 'step';
              step.textContent = [...shown].map(name => name.textContent).join(' ');
              document.body.append(step);
            };
            """);
    for (String step : steps) {
      driver.append(step).append("; note();\n");
    }
    driver.append("</script></body>");
    Path page = write(report);
    String html =
        Files.readString(page)
            .replaceFirst("<meta http-equiv=[^>]*>", "") // which would not let it run
            .replace("</body>", driver);
    return new PageDocument(browser.load(Files.writeString(page, html)));
  }

  private static Path write(CheckReport report) throws Exception {
    return Files.write(
        folder.resolve("page.html"), CheckPage.html(report, Path.of("base"), Path.of("adapter")));
  }

  private static long pixels(BufferedImage picture, Color color) {
    long count = 0;
    for (int y = 0; y < picture.getHeight(); y++) {
      for (int x = 0; x < picture.getWidth(); x++) {
        count += picture.getRGB(x, y) == color.getRGB() ? 1 : 0;
      }
    }
    return count;
  }
}
