import { type Html, html } from '../html.ts';

/** Half waves of one length, one after the other. */
const ripple = (x: number, y: number, half: number, height: number, count: number): string =>
  `M${x} ${y}q${half / 2}-${height} ${half} 0${` t${half} 0`.repeat(count - 1)}`;

const body =
  'M645 72C622 58 592 57 572 69C532 90 500 145 500 203C501 300 568 350 585 408C600 460 592 517 545 546' +
  'C490 574 430 615 378 672C318 736 258 812 192 922C262 938 350 940 432 920C530 895 612 848 655 768' +
  'C692 700 688 610 662 540C644 484 612 432 590 385C568 340 546 285 546 226C546 178 566 134 603 130C617 129 629 126 639 120z';

/** The egret in the shallows, seen on the sign-in pages of a desktop. Decoration. Sea and hills run past the frame. */
export const drawing: Html = html`<svg class="drawing" viewBox="0 0 952 1269" preserveAspectRatio="xMidYMax meet" aria-hidden="true" focusable="false" fill="none" stroke-linecap="round" stroke-linejoin="round">
<path fill="#0A474F" d="M-1500 694V690H-60C-20 689 70 674 120 648C156 628 156 573 203 572C226 573 238 592 256 600C292 615 342 612 375 631C420 654 470 688 640 691L2450 694z"/>
<path fill="#0A4F58" d="M-1500 694H2450V1400H-1500z"/>
<g stroke="#5F9095" stroke-width="3.4"><path d="M-1500 774H126M805 758H2450"/><path d="${ripple(-83, 857, 83, 13, 4)}"/><path d="${ripple(703, 836, 82.5, 14, 2)}"/><path d="${ripple(480, 1174, 82.5, 14, 2)}"/></g>
<g stroke="#4C8288" stroke-width="3.2"><path d="${ripple(23, 1212, 82.5, 14, 3)}"/><path d="${ripple(785, 1042, 83, 14, 3)}"/></g>
<path stroke="#04191C" stroke-width="9" d="M456 905 447 1071M540 890 519 989 546 1071"/>
<g stroke="#D5E4E4" stroke-width="3.4"><path d="M276 792C228 846 186 906 147 980M240 850C208 892 180 934 159 972M222 924 188 985"/><path d="M560 80C516 94 480 130 456 178M532 108C506 124 486 148 472 173"/></g>
<path fill="#FFF" d="${body}"/>
<path fill="#FFC53D" d="M645 72 871 118 639 120C644 106 646 88 645 72z"/>
<circle cx="622" cy="88" r="8" fill="#06363D"/>
<path stroke="#C5DCDB" stroke-width="4.4" d="M534 651C418 694 330 788 262 894M563 713C470 748 398 814 340 894"/>
<path stroke="#D0E4E4" stroke-width="4.6" d="${ripple(328, 1076, 74.4, 17, 5)}"/>
<path stroke="#8DB3B6" stroke-width="3.8" d="${ripple(229, 1125, 82.5, 15, 6)}"/>
</svg>`;
